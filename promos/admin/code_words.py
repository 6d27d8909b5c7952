"""What the actions on codes say before and after."""

from promos.admin.actions import WhyForm, Words
from promos.admin.code_form import MoveForm

PUSH = Words(
    title="Push now",
    past="Queued for Stripe:",
    explanation="The worker compares the code with Stripe at once and creates or updates it there.",
    icon="cloud_upload",
)
PULL = Words(
    title="Pull now",
    past="Queued to be pulled from Stripe:",
    explanation=(
        "The worker asks Stripe at once how the code and its coupon are there, "
        "and takes over what was changed in Stripe's dashboard."
    ),
    icon="cloud_download",
)
RETRY = Words(
    title="Retry failed push",
    past="Queued for Stripe again:",
    explanation="A code whose last push failed is tried again at once; others are left alone.",
    icon="replay",
)
MOVE = Words(
    title="Move to campaign",
    past="Moved",
    explanation="The code takes along what it gave away, promised and holds of the budget.",
    icon="drive_file_move",
    form=MoveForm,
    asks=True,
)
PAUSE = Words(
    title="Pause",
    past="Paused",
    explanation="Customers cannot use the code until it is resumed. Its promotion code is deactivated in Stripe.",
    icon="pause",
    form=WhyForm,
)
RESUME = Words(
    title="Resume",
    past="Resumed",
    explanation="Customers can use the code again. Its promotion code is reactivated in Stripe.",
    icon="play_arrow",
    form=WhyForm,
)
ARCHIVE = Words(
    title="Archive",
    past="Archived",
    explanation=(
        "The code ends for good and is deactivated in Stripe. Its redemptions and figures stay, "
        "and its text is free for a new code. This cannot be undone."
    ),
    icon="archive",
    is_final=True,
    form=WhyForm,
)
