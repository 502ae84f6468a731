-- Labels are a lattice: the laws on random labels, against an independent computation in SQL.
\set std '{pii,spi,phi,biometric,genetic,minor,location,comms,pci,financial,tax,mnpi,credentials,security,legal,hr,ip,source,export,cui,criminal,education,customer,model}'

-- 300 labels from hash digits, so that every run sees the same: few, half or nearly all categories.
CREATE TEMP TABLE labels AS
SELECT n, level, bits, label(
        (ARRAY['public', 'internal', 'confidential', 'restricted', 'secret'])[level + 1],
        ARRAY(SELECT CASE WHEN i < 24 THEN (:'std'::text[])[i + 1] WHEN i = 55 THEN 'quarantine' ELSE 'x' || i - 24 END
              FROM generate_series(0, 55) i WHERE bits >> i & 1 = 1)) AS l
FROM (SELECT n, n % 5 AS level,
             CASE n % 4 WHEN 0 THEN a & b & c & 255 WHEN 1 THEN a & b & c WHEN 2 THEN a ELSE a | b | c END AS bits
      FROM generate_series(0, 299) n,
           LATERAL (SELECT ('x' || substr(md5('a' || n), 1, 14))::bit(56)::bigint AS a,
                           ('x' || substr(md5('b' || n), 1, 14))::bit(56)::bigint AS b,
                           ('x' || substr(md5('c' || n), 1, 14))::bit(56)::bigint AS c) digits) raw;
CREATE TEMP TABLE few AS SELECT l FROM labels WHERE n % 5 = n / 5 % 5;
ANALYZE labels, few;
SELECT count(*), count(DISTINCT l), min(cardinality(categories(l))), max(cardinality(categories(l))) FROM labels;

-- The stored form and every operator agree with the computation on levels and bits.
SELECT count(*) AS labels,
       bool_and(ward_internal.label_send(l) = decode(lpad(to_hex(level::bigint << 60 | bits), 16, '0'), 'hex')) AS stored_form,
       bool_and(l::text::label = l) AS text_round_trip
FROM labels;
SELECT count(*) AS pairs, count(*) FILTER (WHERE a.l <@ b.l) AS dominated,
       bool_and((a.l <@ b.l) = (a.level <= b.level AND a.bits & ~b.bits = 0)) AS dominated_by,
       bool_and((a.l @> b.l) = (b.level <= a.level AND b.bits & ~a.bits = 0)) AS dominates,
       bool_and((a.l = b.l) = ((a.level, a.bits) = (b.level, b.bits)) AND (a.l <> b.l) = (a.l = b.l IS FALSE)) AS equality,
       bool_and((a.l < b.l) = ((a.level, a.bits) < (b.level, b.bits)) AND (a.l <= b.l) = ((a.level, a.bits) <= (b.level, b.bits))) AS sorts_before,
       bool_and((a.l > b.l) = (b.l < a.l) AND (a.l >= b.l) = (b.l <= a.l)) AS sorts_after,
       bool_and(ward_internal.label_send(a.l + b.l) = decode(lpad(to_hex(greatest(a.level, b.level)::bigint << 60 | a.bits | b.bits), 16, '0'), 'hex')) AS join_is,
       bool_and(ward_internal.label_send(a.l * b.l) = decode(lpad(to_hex(least(a.level, b.level)::bigint << 60 | (a.bits & b.bits)), 16, '0'), 'hex')) AS meet_is
FROM labels a, labels b;

-- Laws of two.
SELECT count(*) AS pairs,
       bool_and(a.l + a.l = a.l AND a.l * a.l = a.l) AS idempotent,
       bool_and(a.l + b.l = b.l + a.l AND a.l * b.l = b.l * a.l) AS commutative,
       bool_and(a.l + a.l * b.l = a.l AND a.l * (a.l + b.l) = a.l) AS absorbing,
       bool_and((a.l <@ b.l) = (a.l + b.l = b.l) AND (a.l <@ b.l) = (a.l * b.l = a.l)) AS connecting,
       bool_and(a.l <@ a.l AND (a.l <@ b.l AND b.l <@ a.l) = (a.l = b.l)) AS antisymmetric,
       bool_and((a.l <@ b.l) = (b.l @> a.l)) AS commutator,
       bool_and(a.l <@ b.l IS FALSE OR a.l <= b.l) AS order_extends_dominance,
       bool_and((a.l < b.l)::int + (a.l = b.l)::int + (a.l > b.l)::int = 1) AS total
FROM labels a, labels b;

-- Laws of three.
SELECT count(*) AS triples,
       bool_and((a.l + b.l) + c.l = a.l + (b.l + c.l) AND (a.l * b.l) * c.l = a.l * (b.l * c.l)) AS associative,
       bool_and(a.l * (b.l + c.l) = a.l * b.l + a.l * c.l AND a.l + b.l * c.l = (a.l + b.l) * (a.l + c.l)) AS distributive,
       bool_and((a.l <@ c.l AND b.l <@ c.l) = (a.l + b.l <@ c.l)) AS least_upper_bound,
       bool_and((c.l <@ a.l AND c.l <@ b.l) = (c.l <@ a.l * b.l)) AS greatest_lower_bound,
       bool_and(NOT (a.l <@ b.l AND b.l <@ c.l) OR a.l <@ c.l) AS transitive
FROM few a, few b, few c;

-- The aggregate is the join of all, whatever the order and the grouping.
SELECT join_labels(l) = (SELECT join_labels(l) FROM (SELECT l FROM labels ORDER BY n DESC) r) AS any_order,
       join_labels(l) = (SELECT join_labels(j) FROM (SELECT join_labels(l) AS j FROM labels GROUP BY n % 7) g) AS any_grouping,
       bool_and(l <@ (SELECT join_labels(l) FROM labels)) AS above_all
FROM labels;

-- Control arm: what is not a law is seen to fail on the same labels.
SELECT bool_and(a.l <@ b.l OR b.l <@ a.l) AS dominance_is_total,
       bool_and(a.l > b.l OR a.l <@ b.l) AS order_is_dominance,
       bool_and(a.l + b.l = greatest(a.l, b.l)) AS join_is_the_greater
FROM labels a, labels b;
