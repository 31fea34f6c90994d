-- As of an account and of a key: a list of an offer's failures must not go through all that succeeded.
CREATE INDEX calls_released_by_offer ON calls (offer, id) WHERE state = 'released';
