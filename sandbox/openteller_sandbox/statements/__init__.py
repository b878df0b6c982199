"""Statements (对账单): what moved on a business day through a partner's apps, in versions that never change."""
