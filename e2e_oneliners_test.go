package main

// What people type, with the binary in netstat's place, and our own words for the same.

import (
	"math"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
)

// oneLiners are what people type, word for word.
var oneLiners = []string{
	`netstat -ant | awk '/^tcp/ {++S[$NF]} END {for(a in S) print (a,S[a])}'`,
	`netstat -an | awk '/tcp/ {print $6}' | sort | uniq -c`,
	`netstat -anlp | grep 80 | grep tcp | awk '{print $5}' | awk -F: '{print $1}' | sort | uniq -c | sort -nr | head -n20`,
	`netstat -n | grep TIME_WAIT | awk '{print $5}' | sort | uniq -c | sort -rn`,
	`netstat -an | grep SYN | awk '{print $5}' | awk -F: '{print $1}' | sort | uniq -c | sort -nr`,
	`netstat -an | grep :22`,
	`netstat -nlpt`,
	`netstat -ltpe`,
	`netstat -alpn`,
	`netstat -antp | wc -l`,
}

// inPlace is a folder to begin PATH with, where netstat is the binary under test.
func inPlace(t *testing.T) string {
	t.Helper()
	dir := home(t)
	binary, err := filepath.Abs(built.binary)
	if err == nil {
		err = os.Symlink(binary, filepath.Join(dir, "netstat"))
	}
	if err != nil {
		t.Fatal(err)
	}
	return dir
}

func TestNetstatOneLiners(t *testing.T) {
	t.Parallel()
	needs(t, "netstat", "awk")
	z := openZoo(t, "sockets")
	before := strings.Replace(adminPath, "=", "="+inPlace(t)+":", 1)
	for _, line := range oneLiners {
		t.Run(line, func(t *testing.T) {
			t.Parallel()
			// Of one answer each: an array of awk and a listing of netstat's have no order.
			shell := []string{"sh", "-c", line}
			want, got, _ := z.between(t, shell, append([]string{"env", before}, shell...), sameLines)
			if want.out == "" || len(sorted(want.out)) < 2 && !strings.HasSuffix(line, "wc -l") {
				t.Errorf("the zoo has no answer for it: %q", want.out)
			}
			if said := complaint(t, got); got.code != want.code || said != want.err {
				t.Errorf("exit code %d, netstat's is %d; stderr %q", got.code, want.code, said)
			}
			if d := difference(want.out, got.out); d != "" {
				t.Errorf("another answer:\n%s", d)
			}
			if strings.Contains(line, "sort") && got.out != want.out {
				t.Errorf("another order:\n%s\nwant\n%s", got.out, want.out)
			}
		})
	}
}

// What our own recipes count is what the old ones do.
func TestRecipesCountAsAwkDoes(t *testing.T) {
	t.Parallel()
	needs(t, "netstat", "awk")
	z := openZoo(t, "sockets")
	for _, c := range []struct {
		name, awk string
		ours      []string
	}{
		{"states", `netstat -ant | awk '/^tcp/ {++S[$NF]} END {for (a in S) print S[a], a}'`,
			[]string{"-at", "--count", "state"}},
		{"hosts of a port", `netstat -antW | awk '/^tcp/ && ($4 ~ /:80$/ || $5 ~ /:80$/) {sub(/:[^:]*$/, "", $5); ++S[$5]} END {for (a in S) print S[a], a}'`,
			[]string{"-at", "port:80", "--count", "remote", "--top", "20"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			real := []string{"sh", "-c", c.awk}
			want, got, _ := z.between(t, real, append([]string{built.binary}, c.ours...), sameLines)
			if said := complaint(t, got); got.code != 0 || said != "" {
				t.Fatalf("exit code %d, stderr %q", got.code, said)
			}
			counts := make(map[string]int)
			for line := range strings.Lines(want.out) {
				f := strings.Fields(line)
				n, err := strconv.Atoi(f[0])
				if err != nil {
					t.Fatal(err)
				}
				counts[f[1]] += n
			}
			most := math.MaxInt
			for i, line := range strings.Split(strings.TrimSuffix(got.out, "\n"), "\n") {
				f := strings.Fields(line)
				if i == 0 {
					continue // headings
				}
				n, err := strconv.Atoi(f[1])
				if err != nil {
					t.Fatalf("%v in\n%s", err, got.out)
				}
				if f[0] == "BOUND" { // netstat does not know of them
					continue
				}
				if counts[f[0]] != n {
					t.Errorf("%s: %d, awk counts %d", f[0], n, counts[f[0]])
				}
				if n > most {
					t.Errorf("%s: %d comes after %d", f[0], n, most)
				}
				most = n
				delete(counts, f[0])
			}
			if len(counts) > 0 {
				t.Errorf("missing are %v in\n%s", counts, got.out)
			}
		})
	}
}
