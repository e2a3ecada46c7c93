"""The contracts that every part of Homefeed shares: settings, schema, lake, registry, manifest, verdict."""
