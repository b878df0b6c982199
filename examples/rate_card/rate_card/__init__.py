"""A card for a social post: the day's exchange board and the best deposit rates, as PNG, SVG and alt text.

`facts` asks the bank, `wording` says it in two languages, `lettering` and `drawing` make the picture, `keeping` writes
it, and `command` is what cron calls. Only `facts` and `command` know the SDK.
"""
