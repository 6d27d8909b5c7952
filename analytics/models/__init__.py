"""What analytics keeps of its own, one file per subject; the figures themselves are read from promos' rows."""

from analytics.models.alerts import Alert, AlertMessage
from analytics.models.code_figures import PromoCodeAnalytics
from analytics.models.cohort_days import CohortDay
from analytics.models.reports import Report
from analytics.models.turns import Turn

__all__ = ["Alert", "AlertMessage", "CohortDay", "PromoCodeAnalytics", "Report", "Turn"]
