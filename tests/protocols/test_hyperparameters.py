import pytest

from benchmark.core.errors import UnknownNameError
from benchmark.protocols.settings import hyperparameters_of
from benchmark.tasks.registry import Hyperparameters, load_tasks

# The released best values, written down from the paper's code for this test:
# task: linear learning rate, batch size, weight decay, then the same of fine-tuning.
RELEASED = """
AID .01 128 1e-5 .01 128 0
CUB .01 32 0 .01 128 1e-5
CactusAerial .01 128 0 .01 128 1e-5
ChestX .001 128 0 .001 128 1e-5
ChestXPneumonia .01 128 0 .001 32 0
CropDisease .01 128 0 .01 128 0
DTD .01 128 0 .01 128 0
DeepWeeds .01 128 0 .01 128 0
EuroSAT .01 128 0 .01 128 1e-5
FMD .01 32 1e-5 .001 32 1e-5
Flowers102 .01 32 0 .01 128 0
ISIC .01 128 0 .001 32 0
Kaokore .001 128 0 .001 128 0
Omniglot .01 32 1e-5 .1 128 1e-5
PacsC .001 32 0 .01 128 0
PacsS .01 128 1e-5 .01 128 0
Resisc45 .01 128 0 .01 128 0
SVHN .01 128 0 .01 128 0
Sketch .01 32 1e-5 .01 128 0
USPS .01 32 1e-5 .01 32 0
"""


def test_are_the_released_values_of_all_twenty_tasks():
    rows = [line.split() for line in RELEASED.split("\n") if line]
    assert {row[0] for row in rows} == set(load_tasks().names)
    for name, *numbers in rows:
        found = hyperparameters_of(name)
        values = [(t.lr, t.batch_size, t.weight_decay) for t in (found.linear, found.finetune)]
        wanted = [float(number) for number in numbers]
        assert [*values[0], *values[1]] == wanted, name


def test_stand_ins_and_unknown_tasks():
    assert hyperparameters_of("mine") == Hyperparameters()
    assert hyperparameters_of("mine", stands_in_for="Kaokore") == hyperparameters_of("Kaokore")
    with pytest.raises(UnknownNameError, match="Did you mean 'Kaokore'"):
        hyperparameters_of("mine", stands_in_for="Kaokor")


def test_of_another_registry():
    few = load_tasks().select(["USPS"])
    assert hyperparameters_of("Omniglot", registry=few) == Hyperparameters()
