"""The service in an AWS account: deploying it, a smoke test, the Polygon key, and taking it down."""
