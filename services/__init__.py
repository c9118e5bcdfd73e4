"""The embedded runtime: one package per vendor it stands for.

Rules: a service never imports another service nor `bootstrap`; they talk over
their wire APIs, as the vendors do. `services.common` is shared by all.
"""
