"""The data: a plain table with a dimension table, a partitioned table, vectors. Drawn from SEED."""

from dataclasses import dataclass

import numpy as np

from . import server
from .settings import SEED, Sizes

# A tenth of the rows is above CLEARANCE.
LABEL = "(ARRAY['public','public','public','public','internal','internal','internal','confidential','confidential'," \
        "'restricted'])[1 + (g * 7919 % 10)]::ward.label"
CUSTOMERS_PER_TENANT = 200


def plain(sizes: Sizes) -> None:
    """`items` (a fifth belongs to tenant 1, the rest evenly to all) and `customers`."""
    tenant = f"CASE WHEN g % 5 = 0 THEN 1 ELSE 1 + (g * 2654435761 / 97) % {sizes.tenants} END::int"
    server.admin(
        server.NATIVE,
        """CREATE TABLE customers (
            id integer PRIMARY KEY, tenant_id integer NOT NULL, label ward.label NOT NULL,
            region integer NOT NULL, name text NOT NULL)""",
        """CREATE TABLE items (
            id bigint PRIMARY KEY, tenant_id integer NOT NULL, label ward.label NOT NULL,
            customer_id integer NOT NULL, kind integer NOT NULL, amount integer NOT NULL, note text NOT NULL)""",
        f"""INSERT INTO customers SELECT g, 1 + g / {CUSTOMERS_PER_TENANT}, 'internal', g % 10, 'customer ' || g
            FROM generate_series(0, {sizes.tenants * CUSTOMERS_PER_TENANT - 1}) g""",
        f"""INSERT INTO items
            SELECT g, tenant, {LABEL}, (tenant - 1) * {CUSTOMERS_PER_TENANT} + g % {CUSTOMERS_PER_TENANT},
                   g % 20, g % 1000, 'note ' || md5(g::text)
            FROM (SELECT g, {tenant} AS tenant FROM generate_series(1, {sizes.items}::bigint) g) s""",
        "CREATE INDEX ON customers (tenant_id)",
        "CREATE INDEX ON items (tenant_id)",
        "VACUUM ANALYZE customers",
        "VACUUM ANALYZE items",
        *server.native_policies("customers", label=True),
        *server.native_policies("items", label=True),
    )


def partitions(sizes: Sizes) -> None:
    """`parts`: a LIST partition for each tenant; the primary key begins with id, so a look-up by id finds an index."""
    with server.connect(server.NATIVE) as connection:
        connection.execute("""CREATE TABLE parts (
            id bigint NOT NULL, tenant_id integer NOT NULL, label ward.label NOT NULL,
            amount integer NOT NULL, note text NOT NULL, PRIMARY KEY (id, tenant_id)) PARTITION BY LIST (tenant_id)""")
        for tenant in range(1, sizes.partitions + 1):
            connection.execute(f"CREATE TABLE parts_{tenant} PARTITION OF parts FOR VALUES IN ({tenant})")
        rows = sizes.partitions * sizes.rows_per_partition
        connection.execute(f"""INSERT INTO parts
            SELECT g, 1 + g % {sizes.partitions}, {LABEL}, g % 1000, 'note ' || md5(g::text)
            FROM generate_series(1, {rows}) g""")
        connection.execute("VACUUM ANALYZE parts")
        for statement in server.native_policies("parts", label=True):
            connection.execute(statement)


@dataclass(frozen=True)
class Vectors:
    """What was loaded into `docs`, for exact answers: unit vectors, the tenant of each, each tenant's clusters."""

    points: np.ndarray
    tenants: np.ndarray
    centres: np.ndarray
    own: np.ndarray
    sigma: float

    def around(self, random: np.random.Generator, centre: np.ndarray) -> np.ndarray:
        point = centre + random.normal(0, self.sigma, centre.shape)
        return (point / np.linalg.norm(point)).astype(np.float32)

    def nearest(self, tenant: int, question: np.ndarray, k: int) -> list[int]:
        """The k nearest ids of a tenant by cosine distance, exactly."""
        ids = np.flatnonzero(self.tenants == tenant)
        return ids[np.argsort(-(self.points[ids] @ question), kind="stable")[:k]].tolist()

    def visible(self, tenant: int) -> int:
        return int(np.count_nonzero(self.tenants == tenant))


def make_vectors(sizes: Sizes) -> Vectors:
    """Clustered unit vectors; tenants Zipf(1.0) by size, nine tenths of a tenant's rows in five clusters of its own."""
    random = np.random.default_rng(SEED)
    unit = random.normal(size=(sizes.clusters, sizes.dimensions))
    centres = unit / np.linalg.norm(unit, axis=1, keepdims=True)
    share = 1 / np.arange(1, sizes.tenants + 1)
    tenants = 1 + random.choice(sizes.tenants, sizes.vectors, p=share / share.sum())
    own = np.array([random.choice(sizes.clusters, 5, replace=False) for _ in range(sizes.tenants + 1)])
    at_home = random.random(sizes.vectors) < 0.9
    cluster = np.where(at_home, own[tenants, random.integers(0, 5, sizes.vectors)],
                       random.integers(0, sizes.clusters, sizes.vectors))
    sigma = 0.6 / np.sqrt(sizes.dimensions)
    points = centres[cluster] + random.normal(0, sigma, (sizes.vectors, sizes.dimensions))
    points /= np.linalg.norm(points, axis=1, keepdims=True)
    # What PostgreSQL is sent has six decimals; exact answers come from the same numbers.
    return Vectors(np.round(points, 6).astype(np.float32), tenants, centres, own, sigma)


def text_of(vector: np.ndarray) -> str:
    return "[" + ",".join(f"{one:.6f}" for one in vector) + "]"


def vectors(sizes: Sizes, data: Vectors) -> None:
    """`docs` with one HNSW index for all tenants and a b-tree on the tenant."""
    with server.connect(server.NATIVE) as connection:
        connection.execute(f"CREATE TABLE docs (id integer PRIMARY KEY, tenant_id integer NOT NULL,"
                           f" embedding vector({sizes.dimensions}) NOT NULL)")
        with connection.cursor().copy("COPY docs FROM STDIN") as copy:
            for number, (tenant, point) in enumerate(zip(data.tenants, data.points)):
                copy.write_row((number, int(tenant), text_of(point)))
        connection.execute("SET maintenance_work_mem = '1GB'")
        connection.execute("SET max_parallel_maintenance_workers = 2")
        connection.execute("CREATE INDEX docs_tenant ON docs (tenant_id)")
        connection.execute("CREATE INDEX docs_hnsw ON docs USING hnsw (embedding vector_cosine_ops)"
                           " WITH (m = 16, ef_construction = 64)")
        connection.execute("VACUUM ANALYZE docs")
        for statement in server.native_policies("docs", label=False):
            connection.execute(statement)
