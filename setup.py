"""The part that is compiled. It is optional: without a compiler the installation goes on, and NumPy does the work."""

from setuptools import Extension, setup

HERE = "src/marquardt/numerics/kernel"

setup(
    ext_modules=[
        Extension(
            "marquardt.numerics._kernel",
            sources=[f"{HERE}/kernel.c"],
            depends=[f"{HERE}/{name}.h" for name in ("body", "rows", "products", "derive")],
            extra_compile_args=["-O3"],
            py_limited_api=True,
            optional=True,
        )
    ],
    # One build for Python 3.11 and every later one.
    options={"bdist_wheel": {"py_limited_api": "cp311"}},
)
