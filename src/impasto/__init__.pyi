from .errors import (
    CheckpointError as CheckpointError,
    EncoderError as EncoderError,
    ImpastoError as ImpastoError,
    PaintingError as PaintingError,
    PictureError as PictureError,
    SettingsError as SettingsError,
)
from .painting.calls import (
    make_painter as make_painter,
    make_texture_painter as make_texture_painter,
    paint as paint,
    texture as texture,
)
from .painting.painter import (
    Painter as Painter,
)
from .painting.result import (
    Painting as Painting,
)
from .runs.checkpoints.resuming import (
    resume_painter as resume_painter,
)
from .runs.checkpoints.writer import (
    CheckpointWriter as CheckpointWriter,
)
from .settings.making import (
    change_settings as change_settings,
    make_settings as make_settings,
    make_texture_settings as make_texture_settings,
)
from .settings.model import (
    Settings as Settings,
)
from .version import (
    __version__ as __version__,
)
