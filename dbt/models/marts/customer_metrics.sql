with as_of as (

    -- The shop's own "today": measures of recency must not change because time passes.
    select max(ordered_on) as last_day from {{ ref('fct_orders') }}

),

gaps as (

    select
        customer_id,
        avg(cast(days_since_previous_order as double)) as average_days_between_orders,
        sum(case when status = 'free' then 1 else 0 end) as free_orders
    from {{ ref('fct_orders') }}
    group by customer_id

),

measured as (

    select
        customers.customer_id,
        customers.cohort,
        customers.first_order_on,
        customers.last_order_on,
        customers.orders,
        customers.units,
        customers.is_repeat_customer,
        coalesce(gaps.free_orders, 0) as free_orders,
        gaps.average_days_between_orders,
        coalesce(spent.lifetime_value, cast(0 as decimal(14, 2))) as lifetime_value,
        coalesce(spent.average_order_value, cast(0 as decimal(14, 2))) as average_order_value,
        spent.value_rank,
        spent.value_decile,
        coalesce(spent.value_band_from, 0) as value_band_from,
        cast(datediff(as_of.last_day, customers.last_order_on) as integer) as days_since_last_order
    from {{ ref('dim_customers') }} as customers
    left join {{ ref('fct_customer_lifetime_value') }} as spent
        on customers.customer_id = spent.customer_id
    left join gaps on customers.customer_id = gaps.customer_id
    cross join as_of

)

select
    customer_id,
    cohort,
    first_order_on,
    last_order_on,
    days_since_last_order,
    orders,
    free_orders,
    units,
    is_repeat_customer,
    round(average_days_between_orders, 2) as average_days_between_orders,
    lifetime_value,
    average_order_value,
    value_rank,
    value_decile,
    value_band_from,
    case
        when orders = 0 then 'prospect'
        when value_decile = 1 and days_since_last_order <= 180 then 'champion'
        when is_repeat_customer and days_since_last_order <= 180 then 'loyal'
        when is_repeat_customer then 'lapsing'
        else 'one-time'
    end as segment
from measured
