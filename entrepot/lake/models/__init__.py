"""Models: SELECTs over datasets of the lake, read from files, put in order, compiled to what the engine runs."""

from entrepot.kernel.errors import ManyErrors
from entrepot.lake.models.graph import ModelGraph
from entrepot.lake.models.load import load_model, load_models
from entrepot.lake.models.model import Model, ModelKind

__all__ = ["ManyErrors", "Model", "ModelGraph", "ModelKind", "load_model", "load_models"]
