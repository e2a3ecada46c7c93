"""Tasks that failed for good, in the control state."""

from datetime import datetime

from sqlalchemy import delete, select
from sqlalchemy.orm import Session, sessionmaker

from homefeed.registry.tables import Failure


class FailureLog:
    """What failed and has not succeeded since. Each method is one transaction."""

    def __init__(self, reading: sessionmaker[Session], writing: sessionmaker[Session]) -> None:
        self._session, self._writing = reading, writing

    def note(self, dag: str, task: str, run: str, at: datetime, error: str) -> None:
        """Remember that a task failed for good; a failure of the same task replaces the one before."""
        with self._writing.begin() as session:
            session.merge(Failure(dag=dag, task=task, run=run, at=at, error=error[:2000]))

    def end(self, dag: str, task: str) -> None:
        """The task has succeeded again."""
        with self._writing.begin() as session:
            session.execute(delete(Failure).where(Failure.dag == dag, Failure.task == task))

    def open(self) -> list[Failure]:
        """Tasks that failed for good and have not succeeded since, oldest first."""
        with self._session() as session:
            return list(session.scalars(select(Failure).order_by(Failure.at)))
