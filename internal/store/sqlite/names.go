package sqlite

import (
	"encoding/binary"
	"fmt"
	"slices"
	"sync"

	"zombiezen.com/go/sqlite"
	"zombiezen.com/go/sqlite/sqlitex"

	"bailey/internal/store"
)

type busName struct{ region, name string }

// names holds the numbers of buses, routes and endpoints. Only the writer
// adds to it, and takes back what it added when its transaction fails.
type names struct {
	mu        sync.RWMutex
	buses     map[busName]int64
	routes    map[store.Route]int64
	endpoints map[store.Endpoint]int64
	archives  map[string]int64
	busOf     map[int64]busName
	routeOf   map[int64]store.Route
	endOf     map[int64]store.Endpoint
	archiveOf map[int64]string

	// newest is, for each bus, a key that no event of it is above. The writer's.
	newest map[int64]int64

	undo []func() // of the transaction under way; the writer's
}

// load reads the names; newest is the largest key of all events.
func (n *names) load(conn *sqlite.Conn, newest int64) error {
	n.newest = map[int64]int64{}
	n.buses, n.busOf = map[busName]int64{}, map[int64]busName{}
	n.routes, n.routeOf = map[store.Route]int64{}, map[int64]store.Route{}
	n.endpoints, n.endOf = map[store.Endpoint]int64{}, map[int64]store.Endpoint{}
	n.archives, n.archiveOf = map[string]int64{}, map[int64]string{}
	for query, add := range map[string]func(*sqlite.Stmt){
		"SELECT no, region, name FROM bus": func(r *sqlite.Stmt) {
			b := busName{r.ColumnText(1), r.ColumnText(2)}
			no := r.ColumnInt64(0)
			n.buses[b], n.busOf[no], n.newest[no] = no, b, newest
		},
		"SELECT no, region, bus, rule, target FROM route": func(r *sqlite.Stmt) {
			k := store.Route{Region: r.ColumnText(1), Bus: r.ColumnText(2), Rule: r.ColumnText(3), Target: r.ColumnText(4)}
			n.routes[k], n.routeOf[r.ColumnInt64(0)] = r.ColumnInt64(0), k
		},
		"SELECT no, api, stage FROM endpoint": func(r *sqlite.Stmt) {
			e := store.Endpoint{API: r.ColumnText(1), Stage: r.ColumnText(2)}
			n.endpoints[e], n.endOf[r.ColumnInt64(0)] = r.ColumnInt64(0), e
		},
		"SELECT no, id FROM archive": func(r *sqlite.Stmt) {
			n.archives[r.ColumnText(1)], n.archiveOf[r.ColumnInt64(0)] = r.ColumnInt64(0), r.ColumnText(1)
		},
	} {
		err := sqlitex.ExecuteTransient(conn, query, &sqlitex.ExecOptions{ResultFunc: func(r *sqlite.Stmt) error {
			add(r)
			return nil
		}})
		if err != nil {
			return fmt.Errorf("reading names: %w", err)
		}
	}
	return nil
}

// intern returns key's number, giving it one in the transaction under way if
// it has none.
func intern[K comparable](n *names, conn *sqlite.Conn, to map[K]int64, from map[int64]K, key K, insert string, args ...string) (int64, error) {
	// The writer is the only one that writes the maps, so it may read them
	// without the lock.
	if no, ok := to[key]; ok {
		return no, nil
	}
	stmt, err := conn.Prepare(insert)
	if err != nil {
		return 0, err
	}
	for i, arg := range args {
		stmt.BindText(i+1, arg)
	}
	if err := run(stmt); err != nil {
		return 0, fmt.Errorf("giving a name its number: %w", err)
	}
	no := conn.LastInsertRowID()
	n.mu.Lock()
	to[key], from[no] = no, key
	n.mu.Unlock()
	n.undo = append(n.undo, func() {
		n.mu.Lock()
		delete(to, key)
		delete(from, no)
		n.mu.Unlock()
	})
	return no, nil
}

// bus returns the number of the bus that an event with the key is on.
func (n *names) bus(conn *sqlite.Conn, region, name string, key int64) (int64, error) {
	no, err := intern(n, conn, n.buses, n.busOf, busName{region, name},
		"INSERT INTO bus (region, name) VALUES (?, ?)", region, name)
	if err == nil {
		n.newest[no] = max(n.newest[no], key)
	}
	return no, err
}

// forgetBuses forgets the buses that no event is on any longer, the oldest that
// there is having the key. Callers may put events on buses that are not there,
// of any name and without end.
func (n *names) forgetBuses(conn *sqlite.Conn, oldest int64) error {
	for no, bus := range n.busOf { // only the writer, which this is, changes it
		newest := n.newest[no]
		if newest >= oldest {
			continue
		}
		stmt, err := conn.Prepare("DELETE FROM bus WHERE no = ?")
		if err != nil {
			return err
		}
		stmt.BindInt64(1, no)
		if err := run(stmt); err != nil {
			return fmt.Errorf("forgetting a bus: %w", err)
		}
		n.mu.Lock()
		delete(n.buses, bus)
		delete(n.busOf, no)
		n.mu.Unlock()
		delete(n.newest, no)
		n.undo = append(n.undo, func() {
			n.mu.Lock()
			n.buses[bus], n.busOf[no] = no, bus
			n.mu.Unlock()
			n.newest[no] = newest
		})
	}
	return nil
}

func (n *names) route(conn *sqlite.Conn, r store.Route) (int64, error) {
	if no, ok := n.routes[r]; ok {
		return no, nil
	}
	return intern(n, conn, n.routes, n.routeOf, r,
		"INSERT INTO route (region, bus, rule, target) VALUES (?, ?, ?, ?)", r.Region, r.Bus, r.Rule, r.Target)
}

func (n *names) endpoint(conn *sqlite.Conn, e store.Endpoint) (int64, error) {
	if no, ok := n.endpoints[e]; ok {
		return no, nil
	}
	return intern(n, conn, n.endpoints, n.endOf, e,
		"INSERT INTO endpoint (api, stage) VALUES (?, ?)", e.API, e.Stage)
}

func (n *names) archive(conn *sqlite.Conn, id string) (int64, error) {
	return intern(n, conn, n.archives, n.archiveOf, id, "INSERT INTO archive (id) VALUES (?)", id)
}

// committed makes the numbers given in this transaction stay.
func (n *names) committed() { n.undo = n.undo[:0] }

// rolledBack takes them back.
func (n *names) rolledBack() {
	for _, undo := range slices.Backward(n.undo) {
		undo()
	}
	n.undo = n.undo[:0]
}

// The readers' side.

func (n *names) endpointNo(e store.Endpoint) (int64, bool) {
	n.mu.RLock()
	defer n.mu.RUnlock()
	no, ok := n.endpoints[e]
	return no, ok
}

func (n *names) routeNo(r store.Route) (int64, bool) {
	n.mu.RLock()
	defer n.mu.RUnlock()
	no, ok := n.routes[r]
	return no, ok
}

func (n *names) routeName(no int64) store.Route {
	n.mu.RLock()
	defer n.mu.RUnlock()
	return n.routeOf[no]
}

func (n *names) endpointName(no int64) store.Endpoint {
	n.mu.RLock()
	defer n.mu.RUnlock()
	return n.endOf[no]
}

func (n *names) busName(no int64) busName {
	n.mu.RLock()
	defer n.mu.RUnlock()
	return n.busOf[no]
}

// routesWhere returns the numbers of the routes that a query selects.
func (n *names) routesWhere(match func(store.Route) bool) []int64 {
	n.mu.RLock()
	defer n.mu.RUnlock()
	var nos []int64
	for no, r := range n.routeOf {
		if match(r) {
			nos = append(nos, no)
		}
	}
	return nos
}

// appendRoutes and eachRoute are the two ends of event.routes.
func appendRoute(dst []byte, no int64) []byte { return binary.AppendUvarint(dst, uint64(no)) }

func eachRoute(packed []byte, f func(n int, no int64)) error {
	for n := 0; len(packed) > 0; n++ {
		no, size := binary.Uvarint(packed)
		if size <= 0 {
			return fmt.Errorf("an event's routes are damaged: %x", packed)
		}
		f(n, int64(no))
		packed = packed[size:]
	}
	return nil
}
