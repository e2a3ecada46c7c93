"""The contracts that every part of Homefeed shares: settings, schema, lake, registry, manifest, verdict."""

#: Here and not in the metadata of an installed package: a Bento is code that nobody installed.
VERSION = "0.1.0"
