-- What lists are selected by, in the order of lists, with what tells whether a row is one of a process that is there:
-- counts and groups need no row of the table, whose registers are most of its bytes.

ALTER TABLE process
    DROP KEY IF EXISTS state,
    DROP KEY IF EXISTS vm_state,
    DROP KEY IF EXISTS owner,
    DROP KEY IF EXISTS host,
    DROP KEY IF EXISTS entered,
    ADD KEY state (state, number, merged_into, type),
    ADD KEY vm_state (vm_state, number, merged_into, type),
    ADD KEY owner (owner, number, merged_into, type),
    ADD KEY host (host, number, merged_into, type),
    ADD KEY entered (entered_us, number, merged_into, type);
