"""How many upstream calls the service saves on a day of requests, and whether its freshness promise held; see ``__main__``."""
