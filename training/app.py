"""The app as a module of its own: python -m training.app"""

from training.console import run
from training.serve import app

if __name__ == "__main__":
    run(app)
