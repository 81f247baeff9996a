from .loading import (
    LoadedEncoder as LoadedEncoder,
    load_encoder as load_encoder,
)
from .published.catalogue import (
    KNOWN as KNOWN,
    KnownWeights as KnownWeights,
)
from .published.events import (
    DownloadProgress as DownloadProgress,
    Note as Note,
    fetch_listener as fetch_listener,
)
from .published.fetching import (
    fetch as fetch,
)
