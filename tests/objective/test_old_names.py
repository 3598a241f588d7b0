"""Names of before."""

import pytest

import marquardt
import marquardt.objective


@pytest.mark.parametrize(("old", "new"), [("Need", "Derivatives"), ("Facts", "ProblemInfo")])
def test_old_names_work_for_one_version_more(old, new):
    with pytest.warns(FutureWarning, match=rf"marquardt\.objective\.{old} is called {new} now"):
        assert getattr(marquardt.objective, old) is getattr(marquardt.objective, new)


def test_the_old_name_at_the_top_works():
    with pytest.warns(FutureWarning, match=r"marquardt\.Need is called Derivatives now"):
        assert marquardt.Need is marquardt.Derivatives


def test_what_is_no_name_is_an_attribute_error():
    with pytest.raises(AttributeError, match="no attribute 'Needs'"):
        _ = marquardt.objective.Needs
