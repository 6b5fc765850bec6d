"""Two commits of anything to verdicts: who is slower, proved by controls, confirmed in fresh processes, explained."""
