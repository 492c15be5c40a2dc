package model

// What this machine lets sockview see and do: the report that --check makes.

// Standing is how far something can be had on this machine.
type Standing uint8

// The standings. The zero Standing is none, so that a finding nobody judged is told from a good one.
const (
	Unjudged Standing = iota
	Allowed           // all of it
	Partial           // some of it; Why says which
	Denied            // it is there, and something keeps us from it
	Absent            // this kernel, or this machine, has nothing of it
)

var standingWords = [...]string{"unknown", "yes", "partly", "no", "not here"}

// String is the word for it, the same in text and JSON: "yes", "partly", "no", "not here", or "unknown".
func (s Standing) String() string {
	if int(s) < len(standingWords) {
		return standingWords[s]
	}
	return standingWords[Unjudged]
}

// Finding is one thing that sockview can see or do where it is let.
type Finding struct {
	ID       string // of one word, for programs; it never changes
	What     string // for people
	Standing Standing
	// Why is a sentence or two without the full stop, on what was found out; empty when there is nothing to say.
	Why Text
	// Fix is the line that mends it: a command to be typed as it stands, or a line of a configuration where no
	// command would do. Empty when nothing has to be mended, or nothing can be.
	Fix Text
}

// Fact is something about the machine or the program that findings follow from.
type Fact struct {
	Name  string // of one word
	Value Text
}

// Report is what this machine lets sockview see and do, most used first.
type Report struct {
	Facts    []Fact
	Findings []Finding
}

// Count is how many findings have a standing.
func (r *Report) Count(s Standing) int {
	n := 0
	for i := range r.Findings {
		if r.Findings[i].Standing == s {
			n++
		}
	}
	return n
}

// Fixes are the lines that mend something, each once, in the order of what they mend.
func (r *Report) Fixes() []Text {
	var fixes []Text
	seen := make(map[Text]bool)
	for i := range r.Findings {
		if fix := r.Findings[i].Fix; !fix.Empty() && !seen[fix] {
			seen[fix] = true
			fixes = append(fixes, fix)
		}
	}
	return fixes
}
