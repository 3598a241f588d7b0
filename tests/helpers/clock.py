"""Time that passes as it is told to."""


class FakeClock:
    """Every look at the clock takes `step` seconds."""

    def __init__(self, step=1.0):
        self.step, self.now = step, 0.0

    def __call__(self):
        self.now += self.step
        return self.now
