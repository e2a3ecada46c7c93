"""The database under the control state: opened, brought up to date, and what a lock or a lost server is called."""

from pathlib import Path
from typing import Any

from alembic import command
from alembic.config import Config
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Connection, Engine, create_engine, event
from sqlalchemy.engine import ExceptionContext, make_url
from sqlalchemy.exc import OperationalError

from homefeed.errors import HomefeedError

_WRITES = "homefeed_writes"


class RegistryError(HomefeedError):
    """The control state cannot be read or changed as asked."""


def open_engine(url: str, patience_s: float) -> Engine:
    """The engine behind `url`, with the newest schema. Raises RegistryError when that cannot be had."""
    parsed = make_url(url)
    name = parsed.render_as_string()
    if parsed.get_backend_name() == "sqlite" and parsed.database:
        Path(parsed.database).parent.mkdir(parents=True, exist_ok=True)
    engine = create_engine(parsed)
    if parsed.get_backend_name() == "sqlite":
        event.listen(engine, "connect", lambda connection, _: _prepare_sqlite(connection, patience_s))
        event.listen(engine, "begin", _begin_sqlite)
    event.listen(engine, "handle_error", lambda context: _name_error(context, name))
    config = Config()
    config.set_main_option("script_location", str(Path(__file__).parent / "migrations"))
    try:
        with engine.connect() as connection:
            is_new = MigrationContext.configure(connection).get_current_revision() == _head(config)
        if not is_new:
            with writing(engine).begin() as connection:
                config.attributes["connection"] = connection
                command.upgrade(config, "head")
    except RegistryError:
        raise
    except Exception as error:
        raise RegistryError(f"the registry at {name} cannot be opened: {error}") from error
    return engine


def writing(engine: Engine) -> Engine:
    """The same engine for transactions that write: on SQLite they take the lock when they begin, so that what they
    read still holds when they write."""
    return engine.execution_options(**{_WRITES: True})


def _head(config: Config) -> str | None:
    return ScriptDirectory.from_config(config).get_current_head()


def _prepare_sqlite(connection: Any, patience_s: float) -> None:
    """Writers wait for each other, readers do not wait for writers; SQLAlchemy begins transactions, not the driver."""
    connection.isolation_level = None
    connection.execute(f"PRAGMA busy_timeout={int(1000 * patience_s)}")
    connection.execute("PRAGMA journal_mode=WAL")


def _begin_sqlite(connection: Connection) -> None:
    connection.exec_driver_sql("BEGIN IMMEDIATE" if connection.get_execution_options().get(_WRITES) else "BEGIN")


def _name_error(context: ExceptionContext, name: str) -> RegistryError | None:
    if not isinstance(context.sqlalchemy_exception, OperationalError):
        return None
    return RegistryError(
        f"the registry at {name} cannot be used ({context.original_exception}): see who holds it "
        "(`fuser` on the file, or the database server), then try again; nothing was changed"
    )
