package model

// statisticHelp is what a counter counts.
func statisticHelp(group, name string) string { return statisticsExplained[group+" "+name] }

var statisticsExplained = map[string]string{}
