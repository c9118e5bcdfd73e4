"""Running the dbt project: layer by layer, each one tested before the next is built."""

from bootstrap.dbt.environment import dbt_environment
from bootstrap.dbt.layers import DbtProcess, run_layers
from bootstrap.dbt.results import DataTestError, DbtRun, LayerResult, ModelResult

__all__ = [
    "DataTestError",
    "DbtProcess",
    "DbtRun",
    "LayerResult",
    "ModelResult",
    "dbt_environment",
    "run_layers",
]
