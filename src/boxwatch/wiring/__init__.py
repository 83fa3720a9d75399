"""Settings -> running objects: the only place that names concrete classes."""

from boxwatch.wiring.batch import features, normalize, repair, train
from boxwatch.wiring.checking import check
from boxwatch.wiring.collecting import collect
from boxwatch.wiring.findings import Selection, evidence, incident, incidents, mark, report
from boxwatch.wiring.host_setup import Offer, add_host, check_hosts, offer_host, remove_host
from boxwatch.wiring.hosts import labelled
from boxwatch.wiring.log_files import LogColumns, parse_logs, score_logs
from boxwatch.wiring.log_rates import Rate as LogRate
from boxwatch.wiring.log_rates import log_rates
from boxwatch.wiring.log_search import Pattern as LogPattern
from boxwatch.wiring.log_search import Wanted as LogsWanted
from boxwatch.wiring.log_search import search_logs
from boxwatch.wiring.log_selection import LogSelection
from boxwatch.wiring.log_templates import KindOfLine, LogPlace, log_templates, new_templates
from boxwatch.wiring.recording import record
from boxwatch.wiring.table_scores import score_table
from boxwatch.wiring.watching import detect, pipeline, replay, watch

__all__ = [
    "KindOfLine",
    "LogColumns",
    "LogPattern",
    "LogPlace",
    "LogRate",
    "LogSelection",
    "LogsWanted",
    "Offer",
    "Selection",
    "add_host",
    "check",
    "check_hosts",
    "collect",
    "detect",
    "evidence",
    "features",
    "incident",
    "incidents",
    "labelled",
    "log_rates",
    "log_templates",
    "mark",
    "new_templates",
    "normalize",
    "offer_host",
    "parse_logs",
    "pipeline",
    "record",
    "remove_host",
    "repair",
    "replay",
    "report",
    "score_logs",
    "score_table",
    "search_logs",
    "train",
    "watch",
]
