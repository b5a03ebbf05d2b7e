-- Bit 8 of process.flags: heartbeats were put. Without it nobody looks for them.

UPDATE process p JOIN (SELECT DISTINCT process FROM heartbeat) h ON h.process = p.number
    SET p.flags = p.flags | 8, p.revision = p.revision + 1
    WHERE p.flags & 8 = 0;
