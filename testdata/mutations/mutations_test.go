package main

// The list must not rot: every guard stands where it says, once, and its test is there. Whether the tests notice is
// shown by running the command; here two of its own making stand for them.

import (
	"errors"
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// root is the module's folder as seen from here, where go test runs.
const root = "../.."

func TestNoMutationIsStale(t *testing.T) {
	for _, m := range mutations {
		source, err := os.ReadFile(filepath.Join(root, m.file))
		if err != nil {
			t.Error(err)
			continue
		}
		mutated, err := m.mutate(string(source))
		if err != nil {
			t.Errorf("fault %d: %v:\n%s", m.fault, err, m.guard)
			continue
		}
		if mutated == string(source) {
			t.Errorf("fault %d: nothing changes in %s", m.fault, m.file)
		}
		if _, err := parser.ParseFile(token.NewFileSet(), m.file, mutated, parser.SkipObjectResolution); err != nil {
			t.Errorf("fault %d: without the guard it is no Go: %v", m.fault, err)
		}
		if strings.HasSuffix(m.file, "_test.go") {
			t.Errorf("fault %d: %s is a test, and no guard", m.fault, m.file)
		}
	}
}

func TestEveryFaultHasAMutation(t *testing.T) {
	const faults = 40
	for n := 1; n <= faults; n++ {
		if !slices.ContainsFunc(mutations, func(m mutation) bool { return m.fault == n }) {
			t.Errorf("fault %d has none", n)
		}
	}
	if !slices.IsSortedFunc(mutations, func(a, b mutation) int { return a.fault - b.fault }) {
		t.Error("the list is not in the faults' order")
	}
	for _, m := range mutations {
		if m.fault < 1 || m.fault > faults {
			t.Errorf("there is no fault %d", m.fault)
		}
	}
}

func TestEveryTestIsThere(t *testing.T) {
	tests := make(map[string][]string) // by package
	for _, m := range mutations {
		if _, known := tests[m.pkg]; !known {
			tests[m.pkg] = testsOf(t, filepath.Join(root, m.pkg))
		}
		if !slices.Contains(tests[m.pkg], m.test()) {
			t.Errorf("fault %d: package %s has no %s", m.fault, m.pkg, m.test())
		}
	}
}

// testsOf are the tests in a folder.
func testsOf(t *testing.T, dir string) (names []string) {
	t.Helper()
	files, err := filepath.Glob(filepath.Join(dir, "*_test.go"))
	if err != nil {
		t.Fatal(err)
	}
	for _, file := range files {
		f, err := parser.ParseFile(token.NewFileSet(), file, nil, parser.SkipObjectResolution)
		if err != nil {
			t.Fatal(err)
		}
		for _, d := range f.Decls {
			if fn, ok := d.(*ast.FuncDecl); ok && fn.Recv == nil && strings.HasPrefix(fn.Name.Name, "Test") {
				names = append(names, fn.Name.Name)
			}
		}
	}
	return names
}

func TestMutate(t *testing.T) {
	m := mutation{file: "a.go", guard: "if x {", without: "if true {"}
	for source, want := range map[string]string{
		"f(); if x { g() }": "f(); if true { g() }", "f()": "", "if x {} if x {}": "",
	} {
		if got, err := m.mutate(source); got != want || (err == nil) != (want != "") {
			t.Errorf("%q: %q, %v", source, got, err)
		}
	}
}

func TestChoose(t *testing.T) {
	list := []mutation{{fault: 1}, {fault: 2}, {fault: 2}, {fault: 3}}
	for only, want := range map[string]string{"": "1 2 2 3", "2": "2 2", "3, 1": "1 3", "x": "", "4": "", "1,": "", "1,4": ""} {
		got, err := choose(list, only)
		var faults []string
		for _, m := range got {
			faults = append(faults, fmt.Sprint(m.fault))
		}
		if strings.Join(faults, " ") != want || (err == nil) != (want != "") {
			t.Errorf("-only %q: %v, %v", only, faults, err)
		}
	}
}

func TestJudge(t *testing.T) {
	failed := errors.New("exit status 1")
	for _, c := range []struct {
		out  string
		want outcome
	}{
		{"=== RUN   TestFault07X\n--- FAIL: TestFault07X (0.00s)\nFAIL\n", killed},
		{"=== RUN   TestFault07X\npanic: runtime error\n", killed},
		{"panic: test timed out after 1s\n", killed},
		{"fatal error: all goroutines are asleep - deadlock!\n", killed},
		{"building the binary: exit status 1\n", broken},
		{"--- FAIL: TestFault07Xanthippe (0.00s)\nFAIL\n", broken},
		{"", broken},
	} {
		if got := judge("TestFault07X", c.out, failed); got.outcome != c.want {
			t.Errorf("%q is %v, want %v", c.out, got.outcome, c.want)
		}
	}
	for out, want := range map[string]bool{
		"--- PASS: TestFault07X (0.10s)\nPASS\n": true, "--- SKIP: TestFault07X (0.00s)\nPASS\n": false,
		"testing: warning: no tests to run\nPASS\n": false, "--- PASS: TestFault07Xanthippe (0.10s)\nPASS\n": false,
	} {
		if got := passed("TestFault07X", out); got != want {
			t.Errorf("%q passed: %v", out, got)
		}
	}
}

func TestEnvironment(t *testing.T) {
	t.Setenv("GOFLAGS", "-mod=mod")
	env := environment([]string{"A=b", "GOFLAGS=-mod=mod", "CGO_ENABLED=1", "SOCKVIEW_TEST_BINARY=/x"}, "/t/overlay.json")
	if want := []string{"A=b", "CGO_ENABLED=0", "GOFLAGS=-mod=mod '-overlay=/t/overlay.json'"}; !slices.Equal(env, want) {
		t.Errorf("%q", env)
	}
	if env = environment(nil, ""); !slices.Equal(env, []string{"CGO_ENABLED=0", "GOFLAGS=-mod=mod"}) {
		t.Errorf("%q", env)
	}
}

// TestTry makes a module of its own, and takes guards out of it: one whose test notices, one whose test does not, one
// that is not there, one without which nothing builds, and one whose test is skipped anyway.
func TestTry(t *testing.T) {
	module := t.TempDir()
	for name, text := range map[string]string{
		"go.mod": "module example\n\ngo 1.24\n",
		"room/room.go": "package room\n\nfunc half(n int) int {\n\tif n < 0 {\n\t\treturn 0\n\t}\n\tx := n / 2\n\treturn x\n}\n\n" +
			"func unseen() int { return 1 }\n",
		"room/room_test.go": "package room\n\nimport \"testing\"\n\n" +
			"func TestFault01Half(t *testing.T) {\n\tif half(-4) != 0 {\n\t\tt.Error(half(-4))\n\t}\n}\n\n" +
			"func TestFault02Unseen(t *testing.T) { unseen() }\n\n" +
			"func TestFault03Skipped(t *testing.T) { t.Skip(\"needs root: for a test\") }\n",
	} {
		path := filepath.Join(module, name)
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	b, err := newBench(t.Context(), module)
	if err != nil {
		t.Fatal(err)
	}
	defer b.close()
	for _, c := range []struct {
		m    mutation
		want outcome
	}{
		{mutation{1, "room/room.go", "if n < 0 {", "if false {", "room", "Half"}, killed},
		{mutation{2, "room/room.go", "return 1", "return 2", "room", "Unseen"}, survived},
		{mutation{1, "room/room.go", "if n < 1 {", "if false {", "room", "Half"}, stale},
		{mutation{1, "room/nothing.go", "if n < 0 {", "if false {", "room", "Half"}, stale},
		{mutation{1, "room/room.go", "return x", "return 0", "room", "Half"}, broken}, // x is not used
		{mutation{3, "room/room.go", "if n < 0 {", "if false {", "room", "Skipped"}, unfit},
		{mutation{4, "room/room.go", "if n < 0 {", "if false {", "room", "Missing"}, unfit},
	} {
		if got := b.try(c.m); got.outcome != c.want {
			t.Errorf("%s %q: %v (%s), want %v\n%s", c.m.test(), c.m.guard, got.outcome, got.why, c.want, got.said)
		}
	}
}
