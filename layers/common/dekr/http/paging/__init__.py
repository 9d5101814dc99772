"""Pages: cursors, ranges that go on from page to page, and the filters by time that both dialects share."""
