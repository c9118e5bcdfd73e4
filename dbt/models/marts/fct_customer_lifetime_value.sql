with spent as (

    select
        customer_id,
        cohort,
        count(*) as orders,
        sum(quantity) as units,
        min(ordered_on) as first_order_on,
        max(ordered_on) as last_order_on,
        cast(sum(amount) as decimal(14, 2)) as lifetime_value
    from {{ ref('fct_orders') }}
    group by customer_id, cohort

),

ranked as (

    select
        *,
        row_number() over (order by lifetime_value desc, customer_id) as value_rank,
        ntile(10) over (order by lifetime_value desc, customer_id) as value_decile
    from spent

)

select
    customer_id,
    cohort,
    orders,
    units,
    first_order_on,
    last_order_on,
    cast(datediff(last_order_on, first_order_on) as integer) as active_days,
    lifetime_value,
    cast(round(lifetime_value / orders, 2) as decimal(14, 2)) as average_order_value,
    cast(value_rank as integer) as value_rank,
    cast(value_decile as integer) as value_decile,
    cast(
        case
            when lifetime_value >= 500 then 500
            else floor(lifetime_value / 25) * 25
        end as integer
    ) as value_band_from
from ranked
