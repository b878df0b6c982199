"""The command line. It alone prints, and it alone knows both the SDK and the sandbox.

Nothing outside this package may import ``openteller_sandbox``; here only what runs the sandbox does, and late, so that
the other commands work without its dependencies.
"""
