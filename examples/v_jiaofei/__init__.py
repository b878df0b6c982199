"""V缴费, a bill-pay account for Weibo: what an app on the bank's API looks like, from a public mention to a receipt."""
