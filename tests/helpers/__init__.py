"""What tests share: random problems, an independent reference by automatic differentiation, tolerances."""
