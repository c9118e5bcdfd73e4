"""A small server that speaks MongoDB's wire protocol, for tests where no MongoDB can be had.

It is a replica set of one member in memory: real documents in versions, an oplog with operation
times and resume tokens, change streams, transactions, snapshot reads, SCRAM-SHA-256. The real
driver talks to it. What it does is what MongoDB's manual says of the commands that it knows;
others are refused by name. With `LAKELET_MONGODB_URI` the tests use a real replica set instead.
"""
