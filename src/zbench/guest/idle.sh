#!/bin/sh
# Of a space that nothing runs in: zbench fleet.
exec sleep infinity
