"""Of English; days alone, which customers read, stay as Django writes them."""

DATETIME_FORMAT = "Y-m-d H:i"
