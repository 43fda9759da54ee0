"""Limits of Slack's messages, in characters of the text as it is sent, so that `&amp;` counts five.

Sources: Slack's Block Kit reference and the validators of python-slack-sdk. The limit of all blocks of a message,
about 13,000 characters of JSON, is undocumented (`msg_blocks_too_long`).
"""

from __future__ import annotations

MAX_BLOCKS = 50
MAX_HEADER = 150
MAX_SECTION = 3000
MAX_FIELD = 2000
MAX_FIELDS = 10
MAX_CONTEXT_ELEMENTS = 10
MAX_BUTTON = 75
MAX_BUTTONS = 25
MAX_URL = 3000
MAX_TEXT = 40_000
MAX_ATTACHMENTS = 100
MAX_ID = 255
MAX_ALL_BLOCKS = 12_500
MAX_BUTTON_VALUE = 2000
MAX_MENU_OPTIONS = 5
MAX_OPTION_VALUE = 75  # 150 in newer pages of the reference
MAX_CONFIRMATION = {"title": 100, "text": 300, "confirm": 30, "deny": 30}
# Slack folds the text of an attachment behind "Show more" from about 700 characters on. How it measures blocks inside
# an attachment is not documented: that the same holds for them, and that five are not folded, is an assumption.
MAX_UNFOLDED = 700
MAX_UNFOLDED_BLOCKS = 5
