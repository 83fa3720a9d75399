from .batch import features, repair
from .checking import check
from .collecting import collect
from .drift import DriftReport, MovedFeature, drift
from .drift_outputs import Feedback, MovedOutput
from .drift_pages import drift_html, write_evidently
from .findings import Labelled, Selection, evidence, incident, incidents, label, mark, report
from .host_setup import Offer, add_host, check_hosts, offer_host, remove_host
from .hosts import labelled
from .learning import Learner
from .learning_loop import learn, learn_once, lessons
from .log_files import LogColumns, parse_logs, score_logs
from .log_rates import LogRate, log_rates
from .log_search import LogsWanted, Missed, search_logs
from .log_selection import LogPattern, LogSelection
from .log_templates import KindOfLine, LogPlace, log_templates, new_templates
from .model_cards import model_card
from .model_comparison import Comparison, compare_versions
from .model_keeping import PruneReport, prune
from .model_life import (
    ChangeLine,
    VersionLine,
    VersionPage,
    history,
    promote,
    reproduce,
    roll_back,
    train,
    version_page,
    versions,
)
from .model_telling import SyncReport, sync
from .model_tuning import TuningWanted, tune
from .normalizing import normalize
from .recording import record
from .rule_settings import rule_changes
from .study_reports import StudyLine, TuneReport, studies, study
from .table_scores import score_table
from .thresholds import Thresholds, explain_thresholds
from .watching import detect, pipeline, replay, watch

__all__ = [
    "ChangeLine",
    "Comparison",
    "DriftReport",
    "Feedback",
    "KindOfLine",
    "Labelled",
    "Learner",
    "LogColumns",
    "LogPattern",
    "LogPlace",
    "LogRate",
    "LogSelection",
    "LogsWanted",
    "Missed",
    "MovedFeature",
    "MovedOutput",
    "Offer",
    "PruneReport",
    "Selection",
    "StudyLine",
    "SyncReport",
    "Thresholds",
    "TuneReport",
    "TuningWanted",
    "VersionLine",
    "VersionPage",
    "add_host",
    "check",
    "check_hosts",
    "collect",
    "compare_versions",
    "detect",
    "drift",
    "drift_html",
    "evidence",
    "explain_thresholds",
    "features",
    "history",
    "incident",
    "incidents",
    "label",
    "labelled",
    "learn",
    "learn_once",
    "lessons",
    "log_rates",
    "log_templates",
    "mark",
    "model_card",
    "new_templates",
    "normalize",
    "offer_host",
    "parse_logs",
    "pipeline",
    "promote",
    "prune",
    "record",
    "remove_host",
    "repair",
    "replay",
    "report",
    "reproduce",
    "roll_back",
    "rule_changes",
    "score_logs",
    "score_table",
    "search_logs",
    "studies",
    "study",
    "sync",
    "train",
    "tune",
    "version_page",
    "versions",
    "watch",
    "write_evidently",
]
