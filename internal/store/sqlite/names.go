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

// names holds the numbers of buses, routes, endpoints and archives. Only the
// writer adds to it, and takes back what it added when its transaction fails.
type names struct {
	mu        sync.RWMutex // of the maps by which readers look
	buses     numbered[busName]
	routes    numbered[store.Route]
	endpoints numbered[store.Endpoint]
	archives  numbered[string]

	undo []func() // of the transaction under way; the writer's
}

// numbered is what there is of one kind, each with its number.
type numbered[K comparable] struct {
	no map[K]int64
	of map[int64]K
	// newest is, for each number, a key that no event that has to do with it is
	// above. The writer's.
	newest map[int64]int64
	// last is the largest number that this process has seen. None is given
	// twice: a reader may look for one, or read rows that have it, a while
	// after it was forgotten.
	last int64
}

func (n *numbered[K]) add(key K, no, newest int64) {
	if n.no == nil {
		n.no, n.of, n.newest = map[K]int64{}, map[int64]K{}, map[int64]int64{}
	}
	n.no[key], n.of[no], n.newest[no] = no, key, newest
	n.last = max(n.last, no)
}

func (n *numbered[K]) remove(key K, no int64) {
	delete(n.no, key)
	delete(n.of, no)
	delete(n.newest, no)
}

// load reads the names; newest is the largest key of all events.
func (n *names) load(conn *sqlite.Conn, newest int64) error {
	for query, add := range map[string]func(*sqlite.Stmt){
		"SELECT no, region, name FROM bus": func(r *sqlite.Stmt) {
			n.buses.add(busName{r.ColumnText(1), r.ColumnText(2)}, r.ColumnInt64(0), newest)
		},
		"SELECT no, region, bus, rule, target FROM route": func(r *sqlite.Stmt) {
			route := store.Route{Region: r.ColumnText(1), Bus: r.ColumnText(2), Rule: r.ColumnText(3), Target: r.ColumnText(4)}
			n.routes.add(route, r.ColumnInt64(0), newest)
		},
		"SELECT no, api, stage, api_route FROM endpoint": func(r *sqlite.Stmt) {
			n.endpoints.add(store.Endpoint{API: r.ColumnText(1), Stage: r.ColumnText(2), Route: r.ColumnText(3)}, r.ColumnInt64(0), newest)
		},
		"SELECT no, id FROM archive": func(r *sqlite.Stmt) {
			n.archives.add(r.ColumnText(1), r.ColumnInt64(0), newest)
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

// intern returns name's number for an event with the key, giving it one in the
// transaction under way if it has none.
func intern[K comparable](n *names, conn *sqlite.Conn, in *numbered[K], name K, key int64, insert string, args ...string) (int64, error) {
	// The writer is the only one that writes the maps, so it may read them
	// without the lock.
	if no, ok := in.no[name]; ok {
		if key > in.newest[no] {
			in.newest[no] = key
		}
		return no, nil
	}
	stmt, err := conn.Prepare(insert)
	if err != nil {
		return 0, err
	}
	no := in.last + 1
	stmt.BindInt64(1, no)
	for i, arg := range args {
		stmt.BindText(i+2, arg)
	}
	if err := run(stmt); err != nil {
		return 0, fmt.Errorf("giving a name its number: %w", err)
	}
	n.mu.Lock()
	in.add(name, no, key)
	n.mu.Unlock()
	n.undo = append(n.undo, func() {
		n.mu.Lock()
		in.remove(name, no)
		n.mu.Unlock()
	})
	return no, nil
}

// The numbers of what an event with the key is on, goes, and is sent to.

func (n *names) bus(conn *sqlite.Conn, region, name string, key int64) (int64, error) {
	return intern(n, conn, &n.buses, busName{region, name}, key, "INSERT INTO bus (no, region, name) VALUES (?, ?, ?)", region, name)
}

func (n *names) route(conn *sqlite.Conn, r store.Route, key int64) (int64, error) {
	return intern(n, conn, &n.routes, r, key, "INSERT INTO route (no, region, bus, rule, target) VALUES (?, ?, ?, ?, ?)", r.Region, r.Bus, r.Rule, r.Target)
}

func (n *names) endpoint(conn *sqlite.Conn, e store.Endpoint, key int64) (int64, error) {
	return intern(n, conn, &n.endpoints, e, key, "INSERT INTO endpoint (no, api, stage, api_route) VALUES (?, ?, ?, ?)", e.API, e.Stage, e.Route)
}

func (n *names) archive(conn *sqlite.Conn, id string) (int64, error) {
	return intern(n, conn, &n.archives, id, 0, "INSERT INTO archive (no, id) VALUES (?, ?)", id)
}

// forget forgets up to limit of the buses, routes and endpoints that no event
// has to do with any longer, the oldest that there is having the key. It
// returns how many. Callers may put events on buses that are not there, of any
// name and without end, and rules and targets come and go.
func (n *names) forget(conn *sqlite.Conn, oldest int64, limit int) (gone int, err error) {
	buses, err := forget(n, conn, &n.buses, oldest, limit, "DELETE FROM bus WHERE no = ?")
	if err != nil {
		return 0, err
	}
	routes, err := forget(n, conn, &n.routes, oldest, limit-buses, "DELETE FROM route WHERE no = ?")
	if err != nil {
		return 0, err
	}
	endpoints, err := forget(n, conn, &n.endpoints, oldest, limit-buses-routes, "DELETE FROM endpoint WHERE no = ?")
	return buses + routes + endpoints, err
}

func forget[K comparable](n *names, conn *sqlite.Conn, in *numbered[K], oldest int64, limit int, remove string) (gone int, err error) {
	for no, name := range in.of { // only the writer, which this is, changes it
		newest := in.newest[no]
		if newest >= oldest {
			continue
		}
		if gone == limit {
			break
		}
		stmt, err := conn.Prepare(remove)
		if err != nil {
			return gone, err
		}
		stmt.BindInt64(1, no)
		if err := run(stmt); err != nil {
			return gone, fmt.Errorf("forgetting a name: %w", err)
		}
		n.mu.Lock()
		in.remove(name, no)
		n.mu.Unlock()
		n.undo = append(n.undo, func() {
			n.mu.Lock()
			in.add(name, no, newest)
			n.mu.Unlock()
		})
		gone++
	}
	return gone, nil
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
	no, ok := n.endpoints.no[e]
	return no, ok
}

func (n *names) routeNo(r store.Route) (int64, bool) {
	n.mu.RLock()
	defer n.mu.RUnlock()
	no, ok := n.routes.no[r]
	return no, ok
}

func (n *names) routeName(no int64) store.Route {
	n.mu.RLock()
	defer n.mu.RUnlock()
	return n.routes.of[no]
}

func (n *names) endpointName(no int64) store.Endpoint {
	n.mu.RLock()
	defer n.mu.RUnlock()
	return n.endpoints.of[no]
}

func (n *names) busName(no int64) busName {
	n.mu.RLock()
	defer n.mu.RUnlock()
	return n.buses.of[no]
}

// routesWhere returns the numbers of the routes that a query selects.
func (n *names) routesWhere(match func(store.Route) bool) []int64 {
	n.mu.RLock()
	defer n.mu.RUnlock()
	var nos []int64
	for no, r := range n.routes.of {
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
