"""The pages that a payer sees: the payment page, the explanation of errors, the reference. Server-rendered, without
JavaScript.
"""
