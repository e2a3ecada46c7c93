"""What a body is refused for."""

import pytest
from pydantic import ValidationError

from serving.request import EventBatch


def test_a_batch_is_read_up_to_the_first_event_that_is_wrong():
    with pytest.raises(ValidationError) as refused:
        EventBatch.model_validate_json(b'{"events": [1, 2, 3]}')
    assert [error["loc"] for error in refused.value.errors()] == [("events", 0)]
