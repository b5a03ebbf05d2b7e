-- Pages of what grows are kept compressed on the disk, where the file system can leave holes: about half of the bytes.
-- What it costs and how to be without it: bkserver/store/README.md.

ALTER TABLE event PAGE_COMPRESSED = 1;
ALTER TABLE process PAGE_COMPRESSED = 1;
ALTER TABLE subject PAGE_COMPRESSED = 1;
ALTER TABLE `change` PAGE_COMPRESSED = 1;
