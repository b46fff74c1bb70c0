"""The MLflow UI as a module of its own: python -m training.ui"""

from training.console import run
from training.serve import ui

if __name__ == "__main__":
    run(ui)
