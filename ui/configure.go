package ui

// The config file and the command line, made one: what the user typed now wins over what he wrote once.

import (
	"errors"
	"maps"
	"slices"

	"sockview/keymap"
	"sockview/model"
	"sockview/ui/config"
)

// Configured is what to start with, and what the keys do. Check or Printing says whether it can be had.
type Configured struct {
	Start
	Keys keymap.Map
	// Path is where settings are kept, "" when there is no place for them.
	Path string
}

// ErrNoRouteCache answers netstat -C.
var ErrNoRouteCache = errors.New("-C: the kernel has had no route cache since Linux 3.6; -r shows the routes")

// Configure reads the config and lays the command line over it. The error is one line for people.
func Configure(o keymap.Options, env func(string) string) (Configured, error) {
	c := Configured{Keys: keymap.Default()}
	settings, err := c.load(o.Config, env)
	if err != nil {
		return c, err
	}
	c.Start = Start{
		Screen: o.Screen, By: o.Count, Filter: model.JoinWords(o.Filter), Choice: ChoiceOf(o), Top: o.Top,
		Interval: settings.Interval, Hold: settings.Hold, Theme: settings.Theme, NetNS: settings.NetNS, History: settings.History,
		Names: (settings.Resolve || o.Names) && !o.Numeric,
		Mouse: settings.Mouse || o.Mouse, ASCII: settings.ASCII || o.ASCII,
		Columns: settings.Columns, Sort: sortings(settings.Sort),
	}
	if o.Interface != "" {
		c.Filter = "interface=" + model.Quote(model.SafeText(o.Interface).String()) + inParentheses(c.Filter)
	}
	counted := o.Screen == "" || slices.Contains([]string{"sockets", "processes", "hosts", "containers"}, o.Screen)
	switch {
	case o.Count != "" && counted && !(o.Unix && !asksInternet(&o)):
		c.Screen = "count"
	case c.Screen != "":
	case o.Unix && !asksInternet(&o):
		c.Screen = "unix"
	default:
		c.Screen = keymap.Screens()[0]
	}
	if o.Interval > 0 {
		c.Interval = o.Interval
	}
	if o.Hold > 0 {
		c.Hold = o.Hold
	}
	if o.NetNS != "" {
		c.NetNS = o.NetNS
	}
	if o.History != 0 {
		c.History = o.History
	}
	if o.Theme != "" {
		c.Theme = o.Theme
	}
	if o.NoColor || env("NO_COLOR") != "" {
		c.Theme = "none"
	}
	asked := c.Screen // what the columns and the order are meant for
	if o.Count != "" && c.Screen != "count" {
		asked = tallyName
	}
	if len(o.Columns) > 0 {
		c.Columns = with(c.Columns, asked, o.Columns)
	}
	if o.Sort != "" {
		c.Sort = with(c.Sort, asked, o.Sort)
	}
	if o.Extend > 0 && len(o.Columns) == 0 && !o.JSON && !o.CSV {
		c.Also = append(c.Also, "user", "inode")
	}
	if o.Timers && len(o.Columns) == 0 && !o.JSON && !o.CSV {
		c.Also = append(c.Also, "timer", "expires")
	}
	c.ReadOnly = o.ReadOnly
	if o.Cache {
		return c, ErrNoRouteCache
	}
	return c, nil
}

// asksInternet says whether the flags ask for internet sockets by name.
func asksInternet(o *keymap.Options) bool {
	return o.TCP || o.UDP || o.UDPLite || o.SCTP || o.Raw || o.IPv4 || o.IPv6
}

// inParentheses is a filter that narrows another, whatever is in it.
func inParentheses(filter string) string {
	if filter == "" {
		return ""
	}
	return " (" + filter + ")"
}

// with is settings with that of one screen set; the others stay.
func with[V any](settings map[string]V, screen string, v V) map[string]V {
	changed := map[string]V{}
	maps.Copy(changed, settings)
	changed[screen] = v
	return changed
}

func (c *Configured) load(named string, env func(string) string) (config.Config, error) {
	known := config.Known{
		Screens: keymap.Screens(), Columns: columnIDs, Themes: keymap.Themes(),
		Interval: keymap.ParseInterval, Times: keymap.AllowedTime,
		History: keymap.ParseHistory, Histories: keymap.AllowedHistory,
		Rebind: c.rebind,
	}
	if named != "" {
		c.Path = named
		return config.LoadNamed(named, known)
	}
	path, err := config.Path(env)
	if errors.Is(err, config.ErrNoHome) {
		return config.Default(), nil
	}
	c.Path = path
	return config.Load(path, known)
}

func (c *Configured) rebind(keys map[string][]string) (blame string, err error) {
	changes := make(map[keymap.Action][]keymap.Key)
	for action, spellings := range keys {
		list := []keymap.Key{}
		for _, s := range spellings {
			list = append(list, keymap.Key(s))
		}
		changes[keymap.Action(action)] = list
	}
	changed, err := c.Keys.With(changes)
	var wrong *keymap.BindError
	if errors.As(err, &wrong) {
		return string(wrong.Action), err
	}
	c.Keys = changed
	return "", err
}

func columnIDs(name string) []string {
	var ids []string
	for _, spec := range specsOf(name) {
		ids = append(ids, spec.ID)
	}
	return ids
}

// specsOf are the columns of the screen of that name.
func specsOf(name string) []model.Spec {
	for _, s := range screens() {
		if s.name == name {
			return s.specs(firstBy(name))
		}
	}
	return nil
}

// firstBy is the column a screen of groups groups by at first.
func firstBy(name string) string {
	if by := groupedBy(name); by != "" {
		return by
	}
	return countFirst
}

func sortings(settings map[string]config.Sorting) map[string]string {
	out := make(map[string]string)
	for screen, s := range settings {
		out[screen] = s.Column + [...]string{"", " asc", " desc"}[s.Way]
	}
	return out
}

// Check finds the columns, screens and the filter that do not exist or are wrong, before a screen opens. Which
// services there are is known later: New refuses the name of none.
func (c *Configured) Check() error {
	_, err := c.openScreen(c.Screen, anyService)
	return err
}

func anyService(string) (uint16, bool) { return 0, true }

// openScreen is a screen as it starts, its filter set.
func (c *Configured) openScreen(name string, service func(string) (uint16, bool)) (*screenState, error) {
	for _, def := range screens() {
		if def.name != name {
			continue
		}
		by, err := countColumn(def, c.By, "")
		if err != nil {
			return nil, err
		}
		return c.openState(def, by, service)
	}
	return nil, &StartError{"no screen " + name}
}

func (c *Configured) openState(def *screen, by string, service func(string) (uint16, bool)) (*screenState, error) {
	st, err := c.newState(def, by, service)
	if err != nil {
		return nil, err
	}
	return st, st.setFilter(c.Filter)
}

// SaveColumns keeps the columns chosen for a screen in the config.
func (c *Configured) SaveColumns(screen string, ids []string) error {
	if c.Path == "" {
		return config.ErrNoHome
	}
	return config.SetColumns(c.Path, screen, ids)
}
