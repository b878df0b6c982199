"""What shall happen later, in bank time: link expiry, a biller's late answer, purges.

``due_acts`` holds it; one worker does what is due, in order. Advancing a world's clock does it too, before it
answers. Nothing sleeps.
"""
