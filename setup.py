"""What pyproject.toml cannot say: experiments/ lies beside the packages, and ships in one."""

from setuptools import find_namespace_packages, setup

WITHIN = "regime.experiments"
TOPS = ("regime", "training", "app")

setup(
    packages=[*find_namespace_packages(include=[*TOPS, *(f"{top}.*" for top in TOPS)]), WITHIN],
    package_dir={WITHIN: "experiments"},
    package_data={
        "": ["py.typed"],
        "regime.brief": ["*.j2"],
        WITHIN: ["*.toml"],
    },
)
