"""Two commits of anything to verdicts: who is slower, proved by controls, weighed over fresh processes, explained."""
