"""The fault harness behind `manage.py chaos`: a whole installation on grounds of its own, trading at a paper exchange
in another process, while the network, the servers and the processes fail as a seed says; then both sides' books are
compared, row by row.

plan        what happens when, drawn from the seed (pure)      grounds     databases, a directory, environments
launch      a director on fresh grounds                        director    the drill's own process
drill       from the first process to the verdict              proxies     connections that can be cut
exchange    the paper exchange's process                       children    the others, killed and started again
scene       users, accounts and strategies                     child       what such a process runs
traffic     people at the API meanwhile                        settling    after the last fault
comparison  two sides' books (pure)                            reading     books from both databases
conduct     whether one plan came after the other (pure)       bans        who asked while the exchange had banned us
sabotage    our code broken on purpose, to see it caught

Nothing in the product knows of it.
"""
