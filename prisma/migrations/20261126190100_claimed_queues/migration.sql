-- Which queues to ask for claims: those that held most at their last samples.
CREATE INDEX queue_samples_claimed ON queue_samples (claimed) WHERE claimed > 0;
