from .loading import (
    LoadedEncoder as LoadedEncoder,
    load_encoder as load_encoder,
)
from .published.catalogue import (
    KNOWN as KNOWN,
    KnownWeights as KnownWeights,
)
from .published.fetching import (
    fetch as fetch,
)
from .published.progress import (
    Fetching as Fetching,
    Note as Note,
    watching as watching,
)
