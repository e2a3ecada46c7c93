"""Knobs of drift, calibration and quality reports, and of the alerts."""

from pathlib import Path

from homefeed.settings.group import Group, knob


class MonitoringSettings(Group):
    """Drift, calibration and quality reports."""

    sample_rows: int = knob(20_000, "Exposures that a drift report compares, drawn by the seed.", "rows", gt=0)
    min_rows: int = knob(200, "With fewer exposures on either side drift is not measured.", "rows", gt=0)
    report_windows: int = knob(6, "Newest closed windows that a report is about.", "windows", gt=0)
    drift_rows: int = knob(
        5_000,
        "Drift is measured on as few of the newest windows as hold so many exposures, at most on `report_windows`.",
        "rows",
        gt=0,
    )
    drift_threshold: float = knob(
        0.2, "Wasserstein distance over the reference's deviation above which a column has drifted.", "sd", gt=0
    )
    drift_share_threshold: float = knob(
        0.06, "Total variation distance above which a category's shares have drifted.", "share", gt=0, lt=1
    )
    drift_rate_threshold: float = knob(
        0.3, "Absolute log ratio of a label's rate to the reference's above which it has drifted; 0.26 is 30 %.", gt=0
    )
    drift_chance: float = knob(
        4.0, "Standard errors that a distance has to be beyond what chance alone makes of it, by viewer.", gt=0
    )
    drift_slice_rows: int = knob(
        1_000, "A slice with fewer exposures on either side is not compared column by column.", "rows", gt=0
    )
    drift_lasts: int = knob(2, "Reports in a row in which a column drifted before it is alerted.", "windows", gt=0)
    drift_drawn: int = knob(24, "Columns that the Evidently report draws: the furthest ones of each kind.", gt=0)
    season_weeks: int = knob(2, "Weeks back whose same time of the week is what today is compared with.", gt=0, le=8)
    season_margin: int = knob(1, "Windows to either side of that time that are read as well.", "windows", ge=0)
    weekend: tuple[int, ...] = knob(
        (6, 7),
        "ISO days of the week, in UTC, that viewers spend otherwise: until a week has passed drift holds a day only "
        "against days of its kind.",
    )
    retrain_after: int = knob(
        3, "Reports in a row with drift, or miscalibration that no refit mended, that start a training.", gt=0
    )
    retrain_pause: int = knob(6, "After such a training no other is started for so long.", "windows", gt=0)
    reliability_bins: int = knob(10, "Groups of equal size, by prediction, of the reliability curve.", gt=1)


class AlertSettings(Group):
    """Alerts: what is evaluated, how often, and who is told. A sink without an address is not used; the log is."""

    rules_file: Path | None = knob(
        None, "File of the rules; unset means the platform's own, `monitoring/alerts/rules.yaml`."
    )
    runbook_url: str = knob("docs/runbook.md", "The runbook that alerts link to; the rule's section is appended.")
    console_url: str = knob(
        "", "Where people open the page Homefeed, such as `https://airflow.example/homefeed`; messages link to it."
    )
    interval_s: float = knob(30.0, "How often `homefeed watch` evaluates the rules.", "s", gt=0)
    repeat_s: float = knob(14_400.0, "People are told again of an alert that still fires after this time.", "s", gt=0)
    patience_s: float = knob(5.0, "How long `homefeed watch` waits for a locked registry in one evaluation.", "s", gt=0)
    min_events: int = knob(
        100, "With fewer events in the newest windows their shares and volume are no evidence.", gt=0
    )
    max_report_age_s: float = knob(7_200.0, "A report whose window ended longer ago is no evidence.", "s", gt=0)
    service_url: str = knob("", "Service whose `/readyz` is asked; empty asks none. `make run` sets it.")

    sink_timeout_s: float = knob(5.0, "How long a sink, or the service, may take to answer.", "s", gt=0)
    backoff_s: float = knob(
        15.0, "Wait after the first failed delivery; doubled with each one that follows.", "s", gt=0
    )
    max_backoff_s: float = knob(300.0, "Longest wait between two attempts at a delivery.", "s", gt=0)
    keep_days: float = knob(7.0, "How long a delivered message is kept.", "days", gt=0)

    alertmanager_url: str = knob("", "Prometheus Alertmanager, such as `http://alertmanager:9093`; its API v2 is used.")
    webhook_url: str = knob("", "URL that gets each message as JSON.")
    slack_url: str = knob("", "Incoming webhook of Slack, or of anything that takes the same JSON.")
    smtp_host: str = knob("", "Server that sends e-mail.")
    smtp_port: int = knob(25, "Port of the server that sends e-mail.", gt=0, le=65535)
    smtp_starttls: bool = knob(False, "Whether the connection to the mail server is encrypted before anything is said.")
    smtp_user: str = knob("", "Login at the mail server; empty means none.")
    smtp_password_file: Path | None = knob(None, "File that holds the password at the mail server.")
    mail_from: str = knob("homefeed@localhost", "Sender of the e-mails.")
    mail_to: str = knob("", "Receivers of the e-mails, separated by commas.")
