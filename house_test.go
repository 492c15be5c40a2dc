package main

// The house: which rooms there are, and which room may know which. The compiler lets every package import every
// other; these walls are ours, and a hole in one is a failed test with the reason for the wall.

import (
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
)

// module is the name all of our imports begin with.
const module = "sockview"

// tree is the room of the top level that a package lives in; "" for main itself.
func tree(pkg string) string {
	name, _, _ := strings.Cut(pkg, "/")
	return name
}

// below says whether pkg is a room within room.
func below(pkg, room string) bool { return strings.HasPrefix(pkg, room+"/") }

// wall says why the package from may not import to, or "". Packages are named by their folder: "" is main,
// "ui/text" a room of ours, "net" or "github.com/..." one of others (ours false). test: only a test of from
// imports it.
func wall(from, to string, ours, test bool) string {
	switch {
	case !ours:
		if tree(from) == "model" && !test && strings.Contains(tree(to), ".") {
			return "model is values and pure functions, of the standard library alone: it must outlive every " +
				"library around it, and be tested without any"
		}
		return ""
	case to == "":
		return "main is wiring: what another package needs of it belongs into a room"
	case from == "":
		return ""
	case tree(from) == tree(to):
		if test || below(to, from) {
			return ""
		}
		return "a room knows only the rooms below it: beside and above it, things are handed in by who is above both"
	}
	switch from, to := tree(from), tree(to); from {
	case "ui":
		if to == "sampler" {
			return "the screen draws snapshots and never talks to the kernel: it declares what it needs as a small " +
				"interface, and main hands it in"
		}
		if to == "keymap" || to == "model" {
			return ""
		}
	case "sampler":
		if to == "ui" || to == "keymap" {
			return "the sampler knows no screen: it never waits for one, and what one wants comes back as a model.Demand"
		}
		if to == "model" {
			return ""
		}
	case "model":
		return "model is the ground that all others stand on: it knows none of them"
	case "keymap":
		return "keymap is data about keys and flags: whoever uses it acts on it, it knows none of them"
	}
	return "there is no such way in the house: main -> ui, sampler, keymap, model; ui -> keymap, model; sampler -> model"
}

func TestWalls(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		from, to   string
		ours, test bool
		stands     bool
	}{
		{"", "ui", true, false, false}, {"", "sampler/act", true, false, false}, {"", "model", true, false, false},
		{"ui", "model", true, false, false}, {"ui/text", "keymap", true, false, false}, {"ui", "ui/text", true, false, false},
		{"sampler/diag", "model", true, false, false}, {"sampler", "sampler/proc", true, false, false},
		{"sampler/diag/diagtest", "sampler/diag", true, true, false}, {"sampler/diag", "sampler/diag/diagtest", true, true, false},
		{"model", "slices", false, false, false}, {"model", "go/token", false, false, false},
		{"model", "github.com/google/go-cmp/cmp", false, true, false}, {"ui", "github.com/rivo/tview", false, false, false},

		{"ui", "sampler", true, false, true}, {"ui/text", "sampler/act", true, true, true},
		{"sampler", "ui", true, false, true}, {"sampler/names", "keymap", true, false, true}, {"sampler/act", "ui/term", true, true, true},
		{"model", "keymap", true, false, true}, {"model", "ui", true, true, true}, {"keymap", "model", true, false, true},
		{"ui/text", "ui", true, false, true}, {"ui/text", "ui/term", true, false, true}, {"sampler/proc", "sampler/diag", true, false, true},
		{"sampler/diag", "sampler", true, false, true}, {"ui", "", true, false, true}, {"ui", "other", true, false, true},
		{"model", "golang.org/x/sys/unix", false, false, true}, {"model/sub", "github.com/rivo/uniseg", false, false, true},
	} {
		if why := wall(c.from, c.to, c.ours, c.test); (why != "") != c.stands {
			t.Errorf("%q -> %q (ours %v, test %v): %q", c.from, c.to, c.ours, c.test, why)
		}
	}
}

// source is a Go file of the house.
type source struct {
	path    string
	pkg     string // its folder, "" for the top
	name    string // of its package, without _test
	test    bool
	imports []string
}

// sources are all Go files, testdata left out.
func sources(t *testing.T) []source {
	t.Helper()
	var found []source
	err := filepath.WalkDir(".", func(name string, d fs.DirEntry, err error) error {
		switch {
		case err != nil:
			return err
		case d.IsDir() && name != "." && (d.Name() == "testdata" || strings.HasPrefix(d.Name(), ".") || strings.HasPrefix(d.Name(), "_")):
			return filepath.SkipDir
		case d.IsDir() || !strings.HasSuffix(name, ".go"):
			return nil
		}
		f, err := parser.ParseFile(token.NewFileSet(), name, nil, parser.ImportsOnly)
		if err != nil {
			return err
		}
		s := source{
			path: filepath.ToSlash(name), name: strings.TrimSuffix(f.Name.Name, "_test"), test: strings.HasSuffix(name, "_test.go"),
		}
		if s.pkg = path.Dir(s.path); s.pkg == "." {
			s.pkg = ""
		}
		for _, i := range f.Imports {
			to, err := strconv.Unquote(i.Path.Value)
			if err != nil {
				return fmt.Errorf("%s: %w", name, err)
			}
			s.imports = append(s.imports, to)
		}
		found = append(found, s)
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return found
}

func TestHouseImports(t *testing.T) {
	t.Parallel()
	seen := 0
	for _, s := range sources(t) {
		for _, to := range s.imports {
			ours := to == module || strings.HasPrefix(to, module+"/")
			if ours {
				seen++
				to = strings.TrimPrefix(strings.TrimPrefix(to, module), "/")
			}
			if ours && to == s.pkg && s.test { // its own tests, from outside
				continue
			}
			if why := wall(s.pkg, to, ours, s.test); why != "" {
				t.Errorf("%s imports %s: %s", s.path, to, why)
			}
		}
	}
	if seen == 0 {
		t.Fatal("no import of ours was found: this test looks at nothing")
	}
}

// nameless are package names that say nothing about what is in them.
var nameless = []string{
	"util", "utils", "helper", "helpers", "common", "misc", "shared", "base", "lib", "tools", "types", "internal", "pkg",
}

func TestHousePackageNames(t *testing.T) {
	t.Parallel()
	for _, s := range sources(t) {
		for _, word := range append(strings.Split(s.pkg, "/"), s.name) {
			if slices.Contains(nameless, word) {
				t.Errorf("%s: %q is a name for a drawer where everything ends up: name the room after what is in it", s.path, word)
			}
		}
		if want := path.Base(s.pkg); s.pkg != "" && s.name != want {
			t.Errorf("%s is of package %s: a room is found by its folder, %s", s.path, s.name, want)
		}
	}
}

// topLevel is what may stand at the top: the rooms, and the files that an ecosystem looks for there.
var topLevel = []string{
	"main.go", "model", "sampler", "keymap", "ui", "testdata",
	"main_test.go", "house_test.go", "e2e_*_test.go",
	"go.mod", "go.sum", "README.md", "CONTRIBUTING.md", "LICENSE", "SECURITY.md", "CHANGELOG.md",
	".ci", ".git", ".gitignore", ".gitattributes", ".editorconfig", "staticcheck.conf", ".golangci.y*ml",
}

func TestHouseTopLevel(t *testing.T) {
	t.Parallel()
	entries, err := os.ReadDir(".")
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range entries {
		if info, err := e.Info(); e.Name() == module && err == nil && info.Mode().IsRegular() && info.Mode()&0o111 != 0 {
			continue // what go build leaves there
		}
		if !slices.ContainsFunc(topLevel, func(pattern string) bool {
			ok, err := path.Match(pattern, e.Name())
			return ok && err == nil
		}) {
			t.Errorf("%s stands at the top level: whoever opens the house sees the four rooms and what every project has; "+
				"all else belongs into one of them", e.Name())
		}
	}
	for _, room := range []string{"model", "sampler", "keymap", "ui"} {
		if info, err := os.Stat(room); err != nil || !info.IsDir() {
			t.Errorf("the room %s is missing: %v", room, err)
		}
	}
}

// faults is how many ways in which the world goes wrong sockview is to survive. Their tests carry their numbers.
const faults = 40

// faultTest is the name of a fault's test: what comes behind the number begins a word.
var faultTest = regexp.MustCompile(`^(?:Test|Fuzz)Fault(\d\d)(?:$|[A-Z_])`)

// TestHouseFaults: every fault has a test that is found by its number, in a package that go test ./... runs.
func TestHouseFaults(t *testing.T) {
	t.Parallel()
	tested := make(map[int][]string)
	for _, s := range sources(t) {
		if !s.test {
			continue
		}
		f, err := parser.ParseFile(token.NewFileSet(), s.path, nil, parser.SkipObjectResolution)
		if err != nil {
			t.Fatal(err)
		}
		for _, d := range f.Decls {
			fn, ok := d.(*ast.FuncDecl)
			if !ok || fn.Recv != nil || !strings.Contains(fn.Name.Name, "Fault") {
				continue
			}
			name := fn.Name.Name
			m := faultTest.FindStringSubmatch(name)
			if m == nil {
				if strings.ContainsAny(name, "0123456789") {
					t.Errorf("%s: %s: a fault's number has two digits, and what follows begins with a capital", s.path, name)
				}
				continue
			}
			n, err := strconv.Atoi(m[1])
			if err != nil || n < 1 || n > faults {
				t.Errorf("%s: %s is of no fault from 1 to %d", s.path, name, faults)
			}
			tested[n] = append(tested[n], name)
		}
	}
	for n := 1; n <= faults; n++ {
		if len(tested[n]) == 0 {
			t.Errorf("fault %d has no test: none is called TestFault%02d... or FuzzFault%02d...", n, n, n)
		}
	}
}
